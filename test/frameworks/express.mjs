// A server with a body parser, parameters, a static file, an error handler and a stream, asked over HTTP.
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import express from 'express';
import { untilTold } from './until-told.mjs';

const app = express();
app.use(express.json());
app.use('/static', express.static(import.meta.dirname));
app.get('/users/:id', (request, response) => response.json({ id: request.params.id, query: request.query }));
app.post('/sum', (request, response) =>
  response.status(201).json({ sum: request.body.reduce((a, b) => a + b) }),
);
app.get('/stream', (_, response) => createReadStream(import.meta.filename).pipe(response));
app.get('/fails', async () => {
  throw Object.assign(new Error('no tea'), { status: 418 });
});
app.use((error, _request, response, _next) => response.status(error.status).send(error.message));

const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const ask = async (path, options) => {
  const response = await fetch(`http://127.0.0.1:${server.address().port}${path}`, options);
  console.log(path, response.status, response.headers.get('content-type'), await response.text());
};
await ask('/users/7?full=1');
await ask('/sum', { method: 'POST', body: '[1,2,3]', headers: { 'content-type': 'application/json' } });
await ask('/static/package.json');
await ask('/stream');
await ask('/fails');
await ask('/nowhere');
server.close();
server.closeAllConnections();
await untilTold();
