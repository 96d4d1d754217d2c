import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomSecret } from './data-directory.ts';
import { repositoryRoot } from './paths.ts';

// Prints an .env for docker-compose.yml: .env.example with secrets that nobody else knows, and without a demo, whose customers would
// have the operator's password.

const serviceToken = randomSecret();
const lines = readFileSync(join(repositoryRoot, '.env.example'), 'utf8').split('\n');
const filled = lines.map((line) => {
  const name = /^([A-Z_]+)=known-to-everybody$/.exec(line)?.[1];
  if (name === 'SERVICE_TOKEN') return `SERVICE_TOKEN=${serviceToken}`;
  if (line === 'DEMO=true') return 'DEMO=false';
  if (name !== undefined) return `${name}=${randomSecret()}`;
  if (!line.startsWith('SERVICE_TOKEN_SHA256=')) return line;
  return `SERVICE_TOKEN_SHA256=${createHash('sha256').update(serviceToken).digest('hex')}`;
});
process.stdout.write(filled.join('\n'));
