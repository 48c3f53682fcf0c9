// A native addon with files, a transaction that is rolled back, a function of ours inside SQL, and threads of its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { untilTold } from './until-told.mjs';

const directory = mkdtempSync(join(tmpdir(), 'tracegate-sqlite-'));
const db = new Database(join(directory, 'shop.db'));
db.pragma('journal_mode = WAL');
db.exec('CREATE TABLE wine (name TEXT PRIMARY KEY, price REAL, label BLOB)');
const insert = db.prepare('INSERT INTO wine VALUES (?, ?, ?)');
const insertAll = db.transaction(rows => {
  for (const row of rows) insert.run(...row);
});
insertAll([
  ['Nuits', 31.5, Buffer.from([1, 2])],
  ['Pommard', 44, null],
]);
try {
  insertAll([
    ['Volnay', 38, null],
    ['Nuits', 1, null],
  ]);
} catch (error) {
  console.log(error.code);
}
db.function('shout', name => name.toUpperCase());
console.log(db.prepare('SELECT shout(name) AS name, price, label FROM wine ORDER BY price').all());
console.log((await db.backup(join(directory, 'backup.db'))).remainingPages);
console.log(
  new Database(join(directory, 'backup.db'), { readonly: true })
    .prepare('SELECT count(*) FROM wine')
    .pluck()
    .get(),
);
db.close();
rmSync(directory, { recursive: true });
await untilTold();
