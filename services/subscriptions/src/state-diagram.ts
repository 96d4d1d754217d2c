import { readFileSync, writeFileSync } from 'node:fs';
import { LIFECYCLE, type Row } from './decisions/lifecycle.ts';

/** Draws the lifecycle from its table. Run as a program, it puts the drawing into the README; a test says when it is old. */

const README = new URL('../README.md', import.meta.url);
const DRAWING = /```mermaid\nstateDiagram-v2\n[^`]*```/;

/** The table as a Mermaid state diagram: one arrow for each pair of states, with every trigger that leads along it. */
export function stateDiagram(): string {
  const arrows = new Map<string, Set<string>>([
    ['[*] --> incomplete', new Set(['subscribe'])],
    ['[*] --> trialing', new Set(['subscribe, with a trial'])],
  ]);
  for (const [trigger, rows] of Object.entries(LIFECYCLE)) {
    for (const { from, to, only } of rows as readonly Row[]) {
      const arrow = `${from} --> ${to}`;
      const label = only ? `${trigger}, ${only.join(' or ')}` : trigger;
      arrows.set(arrow, (arrows.get(arrow) ?? new Set()).add(label));
    }
  }
  const lines = [...arrows].map(([arrow, triggers]) => `  ${arrow}: ${[...triggers].join(' / ')}`);
  return ['stateDiagram-v2', ...lines, '  expired --> [*]', ''].join('\n');
}

/** The README with the diagram as it should be. */
export function drawnReadme(readme = readFileSync(README, 'utf8')): { readme: string; drawn: string } {
  if (!DRAWING.test(readme)) throw new Error('the README has no place for the state diagram');
  return { readme, drawn: readme.replace(DRAWING, `\`\`\`mermaid\n${stateDiagram()}\`\`\``) };
}

if (import.meta.main) writeFileSync(README, drawnReadme().drawn);
