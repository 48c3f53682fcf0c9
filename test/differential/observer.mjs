// A process that observes with the built package: argv[2] is the directory of the modules, argv[3] the uid and gid to drop to
// ("" to stay). A message is a list of pids, threads too; the reply is `{ snapshot, threads }`.
const [, , modules, id] = process.argv;
const { observe } = await import(`${modules}/kernel/host.js`);
const { factsOf } = await import(`${modules}/kernel/read-process-facts.js`);
const { setDumpable } = await import(`${modules}/kernel/dumpable.js`);

observe(); // loads everything while its directory can still be read
if (id) {
  process.setgroups([]);
  process.setgid(Number(id));
  process.setuid(Number(id));
  // As a program that this user started: the change of ids had closed it (kernel/cred.c, commit_creds()).
  setDumpable('user');
}

process.on('message', pids => {
  const { host, processes } = observe();
  const listed = new Set(processes.map(({ pid }) => pid));
  const threads = pids.filter(pid => !listed.has(pid)).map(tid => factsOf(tid));
  process.send({ snapshot: { host, processes }, threads: threads.filter(facts => facts !== null) });
});
process.once('disconnect', () => process.exit());
process.send('ready');
