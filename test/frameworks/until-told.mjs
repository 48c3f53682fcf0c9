/** The program's work is done: it says so and stays to be looked at, until its input ends. */
export async function untilTold() {
  console.log('done');
  for await (const _ of process.stdin);
}
