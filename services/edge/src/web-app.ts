import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress } from 'node:zlib';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';

const YEAR_SECONDS = 31_536_000;
const HOUR_SECONDS = 3_600;
/** What the build leaves in index.html wherever something needs to be let in by the policy. */
const NONCE_PLACEHOLDER = '__CSP_NONCE__';
const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};
/** Paths of the API and its documents: what is not there is a problem, never a page. */
const NO_PAGES = ['v1', 'internal', 'metrics', 'health', '.well-known', 'socket.io', 'docs', 'openapi.json', 'assets'];

const compress = promisify(brotliCompress);

const DEMO_MARK = '<meta name="evergreen-demo-sign-in" content="true" />';

export interface WebAppOptions {
  root: string;
  demoSignIn: boolean;
}

interface Asset {
  body: Buffer;
  type: string;
  /** Made when somebody first asks for it. */
  compressed?: Promise<Buffer>;
}

/** The page's own files, and what carries the nonce of this answer: the component library's style elements, and the theme. */
const policyOf = (nonce: string): string =>
  [
    "default-src 'none'",
    `script-src 'self' 'nonce-${nonce}'`,
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');

/**
 * Serves the built web app: its files, and its one page for every other path that a browser opens. All of it is held in memory.
 * @param root the folder the build wrote
 * @param demoSignIn whether links may fill in the sign-in, as those of a demo do; elsewhere somebody could be led into another's account
 * @throws Error when there is no build
 */
export function webApp(app: HttpApp, { root, demoSignIn }: WebAppOptions): void {
  const assets = readAssets(root);
  const built = assets.get('/index.html')?.body.toString();
  if (!built) throw new Error(`there is no index.html in ${root}`);
  assets.delete('/index.html');
  const page = demoSignIn ? built.replace('</head>', `${DEMO_MARK}</head>`) : built;

  app.get('/*', { schema: { hide: true } }, async (request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '/';
    const asset = assets.get(path);
    if (asset) return sendAsset(request, reply, path, asset);
    if (!wantsPage(request, path)) return reply.callNotFound();
    const nonce = randomBytes(16).toString('base64');
    return reply
      .header('content-security-policy', policyOf(nonce))
      .header('cache-control', 'no-cache')
      .type('text/html; charset=utf-8')
      .send(page.replaceAll(NONCE_PLACEHOLDER, nonce));
  });
}

function wantsPage({ headers }: FastifyRequest, path: string): boolean {
  const [, first = ''] = path.split('/', 2);
  return !NO_PAGES.includes(first) && (headers.accept ?? '').includes('text/html');
}

async function sendAsset(request: FastifyRequest, reply: FastifyReply, path: string, asset: Asset) {
  const isHashed = path.startsWith('/assets/');
  reply
    .type(asset.type)
    .header('vary', 'accept-encoding')
    .header(
      'cache-control',
      isHashed ? `public, max-age=${YEAR_SECONDS}, immutable` : `public, max-age=${HOUR_SECONDS}`,
    );
  const takesBrotli = /\bbr\b/.test(String(request.headers['accept-encoding'] ?? ''));
  if (!takesBrotli || asset.type.startsWith('font/')) return reply.send(asset.body);
  asset.compressed ??= compress(asset.body);
  return reply.header('content-encoding', 'br').send(await asset.compressed);
}

function readAssets(root: string): Map<string, Asset> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.flatMap(({ parentPath, name }) => {
      const file = join(parentPath, name);
      const path = `/${relative(root, file).replaceAll('\\', '/')}`;
      const type = TYPES[extname(name)];
      return type && !path.startsWith('/.') ? [[path, { body: readFileSync(file), type }] as const] : [];
    }),
  );
}
