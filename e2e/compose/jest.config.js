import shared from '../../jest.config.js';

/** @type {import('jest').Config} */
export default {
  ...shared,
  rootDir: '../..',
  // Tests of a system that runs already; see run.ts.
  testMatch: ['<rootDir>/e2e/compose/*.test.ts', '<rootDir>/e2e/test/journey.test.ts'],
  maxWorkers: 1,
};
