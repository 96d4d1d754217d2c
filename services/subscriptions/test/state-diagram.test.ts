import { expect, test } from '@jest/globals';
import { LIFECYCLE, type Row } from '../src/decisions/lifecycle.ts';
import { drawnReadme, stateDiagram } from '../src/state-diagram.ts';

test('the diagram in the README is drawn from the table; if not, run src/state-diagram.ts', () => {
  const { readme, drawn } = drawnReadme();
  expect(readme).toBe(drawn);
});

test('shows each way a subscription can go, and no other', () => {
  const rows = Object.values(LIFECYCLE) as (readonly Row[])[];
  const ways = rows.flat().map(({ from, to }) => `${from} --> ${to}`);
  const begin = ['[*] --> incomplete', '[*] --> trialing'];
  const drawn = [...stateDiagram().matchAll(/^ {2}(\S+ --> \w+)/gm)].map(([, arrow]) => arrow);
  expect(new Set(drawn)).toEqual(new Set([...begin, ...ways]));
  expect(stateDiagram()).toContain('  canceled --> trialing: resume (in trial)\n');
});
