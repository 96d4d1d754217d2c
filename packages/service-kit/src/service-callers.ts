import { createHash, timingSafeEqual } from 'node:crypto';

/*
 * Calls between services. Each service that calls others has a token of its own, and only its hash is told to those it
 * calls: who takes over one service learns nothing with which to pass for another.
 */

const CALLER = '[a-z]+:[0-9a-f]{64}';

/** What a list of callers looks like, as text: `<service>:<SHA-256 of its token>`, separated by commas. */
export const SERVICE_CALLERS_PATTERN = `^(${CALLER}(,${CALLER})*)?$`;

/** Names the service a token belongs to, or undefined when it is nobody's. */
export type IdentifyService = (token: string) => string | undefined;

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();

/** The entry of one caller. Tokens are random and long, so a plain hash gives nothing away. */
export const serviceCaller = (service: string, token: string): string => `${service}:${hashOf(token).toString('hex')}`;

/**
 * Reads a list of callers. A service may be in it more than once, so that its token can be changed without a gap.
 * Comparing takes the same time whatever is given.
 */
export function serviceCallers(list: string): IdentifyService {
  const callers = list
    .split(',')
    .filter((entry) => entry !== '')
    .map((entry) => {
      const [service = '', hash = ''] = entry.split(':');
      return { service, hash: Buffer.from(hash, 'hex') };
    });
  return (token) => {
    const given = hashOf(token);
    return callers.filter(({ hash }) => timingSafeEqual(hash, given)).at(0)?.service;
  };
}
