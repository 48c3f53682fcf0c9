import { accessSync, closeSync, constants, openSync, readSync, type Stats, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { badArgument } from '../errors.js';
import { isSystemError } from './proc-files.js';

/** A program as execve() finds it: the named file, and the file that the kernel executes. */
export interface FoundProgram {
  path: string;
  /** The program itself, or the interpreter of a script. Links are not resolved: /proc/PID/root has no other name. */
  executes: string;
  status: Stats;
  /** False: the file can't be read, or needs an interpreter from binfmt_misc (another format or processor). */
  isNative: boolean;
}

/** The search path of glibc's execvp(3) where PATH isn't set. */
const DEFAULT_PATH = '/bin:/usr/bin';

const bad = (given: string, why: string): Error =>
  badArgument(TypeError, 'ERR_TRACEGATE_INVALID_OPTION', `debugger ${JSON.stringify(given)}: ${why}`);

/** The reason why a file is no program. `isThere`: a file of that name exists. */
interface NoProgram {
  why: string;
  isThere: boolean;
}

const noProgram = (why: string): NoProgram => ({ why, isThere: true });

/** @param ours whether this process would start the program */
function programStatus(path: string, ours: boolean): Stats | NoProgram {
  try {
    const status = statSync(path);
    if (status.isDirectory()) return noProgram('that is a directory: give the path of a program in it');
    if (!status.isFile()) return noProgram('that is not a regular file: give the path of a program');
    if ((status.mode & 0o111) === 0) return noProgram(`it has no execute permission: chmod +x ${path}`);
    if (ours) accessSync(path, constants.X_OK);
    return status;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === 'ENOENT')
      return { why: 'no such file: give the path of a program, or the name of one in PATH', isThere: false };
    if (error.code === 'EACCES' && error.syscall === 'access')
      return noProgram(
        `uid ${process.getuid?.()} may not execute it: its mode or an access list says so, or its file system is mounted noexec`,
      );
    return { why: `it can't be looked at (${error.message})`, isThere: false };
  }
}

/** Searches as a shell does: a name without a slash in PATH, skipping files that can't be executed. */
function find(name: string, ours: boolean): { path: string; status: Stats } {
  if (name.includes('/')) {
    const status = programStatus(name, ours);
    if ('why' in status) throw bad(name, status.why);
    return { path: resolve(name), status };
  }
  const directories = process.env.PATH ?? DEFAULT_PATH;
  let passedOver: string | null = null;
  for (const directory of directories.split(delimiter)) {
    const path = resolve(join(directory, name));
    const status = programStatus(path, ours);
    if (!('why' in status)) return { path, status };
    if (status.isThere) passedOver ??= `${path}: ${status.why}`;
  }
  throw bad(
    name,
    passedOver ?? `no such program in PATH (${directories}): install it, or give its path with a slash`,
  );
}

/** include/uapi/linux/binfmts.h, BINPRM_BUF_SIZE: the kernel reads no more of the file. */
const HEADER_SIZE = 256;

/** Null where the file may not be read. */
function headerOf(path: string): Buffer | null {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
  try {
    const header = Buffer.alloc(HEADER_SIZE);
    return header.subarray(0, readSync(fd, header, 0, HEADER_SIZE, 0));
  } finally {
    closeSync(fd);
  }
}

/** Kernel: fs/binfmt_script.c, load_script() */
const interpreterOf = (header: Buffer): string | undefined =>
  /^#![ \t]*([^ \t\n\0]+)/.exec(header.toString('latin1'))?.[1];

const ELF = Buffer.from('\x7fELF', 'latin1');

/** Class, byte order and machine: include/uapi/linux/elf.h, elf64_hdr. */
const machineOf = (header: Buffer): string =>
  Buffer.concat([header.subarray(4, 6), header.subarray(18, 20)]).toString('hex');

let ownMachine: string | undefined;

function isOurMachine(header: Buffer): boolean {
  ownMachine ??= machineOf(headerOf('/proc/self/exe') ?? Buffer.alloc(0));
  return machineOf(header) === ownMachine;
}

/** The limit for nested script interpreters: include/linux/binfmts.h; fs/exec.c, exec_binprm(). */
const MOST_INTERPRETERS = 5;

/**
 * @param ours whether this process would start the program. For another starter no execute permission is checked.
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`: there is no such program
 */
export function findProgram(name: string, ours: boolean): FoundProgram {
  const found = find(name, ours);
  let { path: at, status } = found;
  for (let depth = 0; depth <= MOST_INTERPRETERS; depth++) {
    const header = headerOf(at);
    const interpreter = header === null ? undefined : interpreterOf(header);
    if (interpreter === undefined) {
      // If we may not read the file, it is no usable script: its interpreter could not read it either.
      const isNative = header === null ? ours : header.subarray(0, 4).equals(ELF) && isOurMachine(header);
      return { path: found.path, executes: resolve(at), status, isNative };
    }
    const next = programStatus(interpreter, ours);
    if ('why' in next) throw bad(name, `its interpreter ${JSON.stringify(interpreter)}: ${next.why}`);
    at = interpreter;
    status = next;
  }
  throw bad(name, 'its interpreters are scripts, more of them than the kernel follows (ELOOP)');
}
