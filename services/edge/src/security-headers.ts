import type { Server } from 'node:http';
import type { FindOrigin } from './client-origin.ts';

const YEAR_SECONDS = 31_536_000;
/** An answer of the API loads nothing and is shown in no frame. A page has a policy of its own, which takes the place of this. */
const NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const NO_FEATURES = [
  'accelerometer',
  'camera',
  'display-capture',
  'geolocation',
  'gyroscope',
  'microphone',
  'payment',
  'usb',
];

const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': NOTHING,
  'x-content-type-options': 'nosniff',
  // For browsers that do not know frame-ancestors.
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'permissions-policy': NO_FEATURES.map((feature) => `${feature}=()`).join(', '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'x-permitted-cross-domain-policies': 'none',
};

/**
 * Puts the security headers on every answer of the server, before anybody else has a say: also on those that the framework gives by
 * itself, which no hook sees. Strict-Transport-Security is said over https alone, as browsers ignore it elsewhere.
 */
export function addSecurityHeaders(server: Server, findOrigin: FindOrigin): void {
  server.prependListener('request', (request, response) => {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    if (findOrigin(request).overHttps) {
      response.setHeader('strict-transport-security', `max-age=${YEAR_SECONDS}; includeSubDomains`);
    }
  });
}
