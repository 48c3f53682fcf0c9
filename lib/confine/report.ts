/** A group of ways to processes outside of the confined tree: those that Landlock can close. */
export type ConfineChannel = 'tracing' | 'signals' | 'abstract-sockets';

/** What a confined program can't do any more, as tried by the launcher: schemas/confine.schema.json. */
export interface ConfineReport {
  schemaVersion: 1;
  /** The version of the kernel's Landlock; null: there is none, or it is off. */
  landlockAbi: number | null;
  /** Closed to the program and all that it starts, toward every process outside. */
  closed: ConfineChannel[];
  /** Of the closed ones: an attempt of the launcher succeeded before, and is refused now. */
  verified: ConfineChannel[];
  open: { channel: ConfineChannel; why: string; remedy: string }[];
  /** What else the program can't do any more. */
  sideEffects: string[];
  /** What the launcher tried on a victim outside, before it was confined and after. `allowed`, or the name of the error. */
  attempts: { channel: ConfineChannel; call: string; before: string; after: string }[];
}
