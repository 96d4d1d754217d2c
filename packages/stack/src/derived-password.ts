import { createHmac } from 'node:crypto';
import { SECRET_MARKER } from './secret-search.ts';

/**
 * The password of a service's role or user. It follows from the server's own admin password, so that all who hold that one (a
 * running stack and tests on the same server, for example) agree on it, and nobody else can tell it.
 */
export function derivedPassword(adminUrl: string, name: string): string {
  const key = decodeURIComponent(new URL(adminUrl).password) || adminUrl;
  return SECRET_MARKER + createHmac('sha256', key).update(name).digest('base64url');
}
