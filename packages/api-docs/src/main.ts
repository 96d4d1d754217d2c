import { writeFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { generatedFiles } from './files.ts';

for (const [path, text] of await generatedFiles()) {
  await writeFile(path, text);
  console.log(`  ✓ ${relative(process.cwd(), path)}`);
}
