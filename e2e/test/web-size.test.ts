import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { buildWebApp } from '@evergreen/stack/web-app.ts';
import { expect, test } from '@jest/globals';

const MAX_HOME_BYTES = 350_000;

interface Chunk {
  file: string;
  /** Names of chunks it cannot run without. */
  imports?: string[];
}

test('what the first look at the home page loads is small', async () => {
  const root = await buildWebApp();
  const manifest = JSON.parse(readFileSync(join(root, '.vite/manifest.json'), 'utf8')) as Record<string, Chunk>;
  const files = new Set<string>();
  const load = (name: string): void => {
    const chunk = manifest[name];
    if (!chunk) throw new Error(`the build has no ${name}`);
    if (files.has(chunk.file)) return;
    files.add(chunk.file);
    for (const imported of chunk.imports ?? []) load(imported);
  };
  for (const language of ['en', 'ru']) {
    files.clear();
    for (const name of [
      'index.html',
      'src/customer/home.tsx',
      `src/i18n/${language}/shell.ts`,
      `src/i18n/${language}/customer.ts`,
    ]) {
      load(name);
    }
    const bytes = [...files].map((file) => gzipSync(readFileSync(join(root, file))).length);
    const total = bytes.reduce((sum, one) => sum + one, 0);
    console.info(`home in ${language}: ${files.size} files, ${(total / 1_000).toFixed(1)} kB compressed`);
    expect(total).toBeLessThan(MAX_HOME_BYTES);
  }
}, 200_000);
