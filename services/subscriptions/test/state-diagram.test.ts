import { expect, test } from '@jest/globals';
import { drawnReadme, stateDiagram } from '../src/state-diagram.ts';

test('the diagram in the README is drawn from the table; if not, run src/state-diagram.ts', () => {
  const { readme, drawn } = drawnReadme();
  expect(readme).toBe(drawn);
});

test('shows each way a subscription can go', () => {
  expect(stateDiagram()).toContain('  pending_renewal --> active: paid\n');
  expect(stateDiagram()).toContain('  canceled --> trialing: resume, in trial\n');
});
