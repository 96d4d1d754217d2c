import { createPrivateKey } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { decode } from 'jsonwebtoken';
import { badTokens, forge, type TokenMaterial } from '../../../packages/service-kit/test/bad-tokens.ts';
import { readSigningKeys } from '../src/signing-keys.ts';
import { openRig, type Rig } from './rig.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await openRig();
});
afterAll(() => rig.close());

test('every kind of bad access token is refused by every route that needs one', async () => {
  const { accessToken, refreshToken } = await rig.register();
  const { header, payload } = decode(accessToken, { complete: true }) ?? {};
  const signing = (await readSigningKeys(rig.pool)).find(({ kid }) => kid === header?.kid);
  const material: TokenMaterial = {
    kid: signing?.kid ?? '',
    privateKey: createPrivateKey({ key: signing?.privateJwk ?? {}, format: 'jwk' }),
    claims: payload as Record<string, unknown>,
    refreshToken,
  };
  expect((await rig.call('GET', '/v1/auth/me', { token: forge(material) })).status).toBe(200);
  const routes = [
    ['GET', '/v1/auth/me'],
    ['PATCH', '/v1/auth/me'],
    ['PUT', '/v1/auth/password'],
    ['GET', '/v1/auth/sessions'],
    ['DELETE', '/v1/auth/sessions'],
    ['DELETE', '/v1/auth/sessions/01936f4e-6c1a-7d3b-8a53-3f0c5f2b9d10'],
  ] as const;
  for (const [what, token] of badTokens(material)) {
    for (const [method, path] of routes) {
      const { status, body, headers } = await rig.call(method, path, { token });
      expect({ what, path, status, code: body.code, asks: headers['www-authenticate'] }).toEqual({
        what,
        path,
        status: 401,
        code: 'unauthenticated',
        asks: 'Bearer',
      });
    }
  }
});

test('a next key that does not sign yet is trusted all the same, as a replica whose clock is ahead may use it', async () => {
  const { accessToken } = await rig.register();
  const next = (await readSigningKeys(rig.pool)).find(({ signsFrom }) => signsFrom === null);
  const privateKey = createPrivateKey({ key: next?.privateJwk ?? {}, format: 'jwk' });
  const claims = decode(accessToken) as Record<string, unknown>;
  const token = forge({ kid: next?.kid ?? '', privateKey, claims });
  expect((await rig.call('GET', '/v1/auth/me', { token })).status).toBe(200);
});
