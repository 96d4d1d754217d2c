/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/{apps,packages,services}/*/test/**/*.test.ts', '<rootDir>/e2e/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } }],
  },
  // One more than the cores there are at least: many tests wait for clocks of others, such as time limits.
  maxWorkers: 3,
  testTimeout: 30_000,
};
