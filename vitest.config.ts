import { defineConfig } from 'vitest/config';
import { commitSeed } from './scripts/test/commit-seed.mjs';

const project = (name: string, include: string, isolate = true) => ({
  test: {
    name,
    include: [include],
    setupFiles: ['test/helpers/file-limit.ts', 'test/helpers/environment.ts'],
    testTimeout: 0,
    hookTimeout: 0,
    pool: 'forks' as const,
    isolate,
    env: { TRACEGATE_SEED: commitSeed() },
  },
});

export default defineConfig({
  test: {
    // Files don't touch what others use: they run beside each other, also where there are two processors.
    maxWorkers: '100%',
    tags: [{ name: 'by-user-too', description: 'as root these are run as an ordinary user too' }],
    projects: [
      // Pure functions: these files share one process.
      project('unit', 'test/unit/**/*.test.ts', false),
      project('integration', 'test/integration/**/*.test.ts'),
      // Inside the lab (scripts/lab): see CONTRIBUTING.md.
      project('scopes', 'test/scopes/**/*.scopes.test.ts'),
    ],
  },
});
