import { defineConfig } from 'vitest/config';

const project = (name: string, include: string, testTimeout: number) => ({
  test: { name, include: [include], testTimeout, hookTimeout: testTimeout, pool: 'forks' as const },
});

export default defineConfig({
  test: {
    projects: [
      project('unit', 'test/unit/**/*.test.ts', 5_000),
      project('integration', 'test/integration/**/*.test.ts', 120_000),
      // Inside the lab (scripts/lab): see CONTRIBUTING.md.
      project('scopes', 'test/scopes/**/*.scopes.test.ts', 300_000),
    ],
  },
});
