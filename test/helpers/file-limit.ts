import { afterAll, beforeEach, expect } from 'vitest';
import { watch } from './watchdog.mjs';

const watchdog = watch(expect.getState().testPath ?? '');
beforeEach(({ task }) => watchdog.enter(task.name));
afterAll(() => watchdog.end());
