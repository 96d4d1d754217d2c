import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { EXIT_CONFIG } from '@evergreen/service-kit/process.ts';
import { KNOWN_SECRET } from './known-secret.ts';

// The one-shot container that docker-compose.yml runs before the services: databases, roles and migrations, then queues and
// users of the broker. Run again it changes nothing that is there, but for passwords, which are set to these.

const {
  BIND_ADDRESS: address = '',
  PUBLIC_URL: publicUrl = '',
  FRONT_PROXIES: proxies = '',
  SERVICE_TOKEN: token = '',
} = process.env;
const isLoopback = (host: string) =>
  ['', 'localhost', '::1', '[::1]'].includes(host) || (isIP(host) === 4 && host.startsWith('127.'));
const hostOf = (url: string) => (URL.canParse(url) ? new URL(url).hostname : url);
/** What says that others than this machine reach the system. A proxy on this machine leaves BIND_ADDRESS as it is. */
const opening = [
  isLoopback(address) ? '' : `BIND_ADDRESS is ${address}`,
  isLoopback(hostOf(publicUrl)) ? '' : `PUBLIC_URL is ${publicUrl}`,
  proxies === '' ? '' : `FRONT_PROXIES is ${proxies}`,
].find((reason) => reason !== '');
const known = Object.entries(process.env)
  .filter(([name, value]) => !name.endsWith('_URL') && value === KNOWN_SECRET)
  .map(([name]) => name);
const isKnown = (url = '') => url.includes(`:${KNOWN_SECRET}@`);
if (isKnown(process.env.DATABASE_URL)) known.push('POSTGRES_PASSWORD');
if (isKnown(process.env.AMQP_URL)) known.push('RABBITMQ_PASSWORD');

if (opening && known.length > 0) {
  const advice = 'Take those of .env.example for nothing but this machine; the README says how to make your own.';
  console.error(`${opening}, and these are still ${KNOWN_SECRET}: ${known.join(', ')}. ${advice}`);
  process.exit(EXIT_CONFIG);
}

if (createHash('sha256').update(token).digest('hex') !== process.env.SERVICE_TOKEN_SHA256) {
  console.error(
    'SERVICE_TOKEN_SHA256 is not the SHA-256 of SERVICE_TOKEN: the services would go on believing another token.',
  );
  process.exit(EXIT_CONFIG);
}

await import('./set-up-databases.ts');
if (!process.exitCode) {
  const { closeServer } = await import('./databases.ts');
  // The server of docker-compose.yml is nobody else's.
  await closeServer(process.env.DATABASE_URL ?? '');
  await import('./set-up-broker.ts');
}
