import { createHash, randomBytes } from 'node:crypto';

/** 256 random bits, for somebody to show again. Only its hash is kept. */
export const newSecretToken = (): string => randomBytes(32).toString('base64url');

/** What is kept of a secret token. It is 256 random bits, so one plain hash is as good as a slow one. */
export const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');
