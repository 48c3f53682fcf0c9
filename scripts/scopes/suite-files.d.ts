/** Made by bundle.mjs: the suite's test files, each a part of the bundle. */
declare module 'suite-files' {
  export const names: string[];
  export function load(name: string): Promise<unknown>;
}
