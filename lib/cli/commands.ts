import type { Command } from './command.js';
import { demoCommand } from './demo.js';
import { explainCommand } from './explain.js';
import { probeCommand } from './probe.js';
import { runCommand } from './run.js';
import { status } from './status.js';

export const COMMANDS: readonly Command[] = [status, probeCommand, explainCommand, runCommand, demoCommand];
