import { brokerNodes } from './broker-nodes.ts';

/*
 * What must never be shown, wherever it turns up. The code that handles secrets does not log them; this is for the text of others,
 * such as an error of a driver that repeats what it was given.
 */

export const HIDDEN = '[hidden]';

/**
 * Access tokens, payment methods, credentials of HTTP headers, and passwords in URLs, in a text of any kind. It leaves JSON whole, and a
 * plan that is called Basic.
 */
const SECRET_TEXT =
  /(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]*|\bpm_[a-z0-9_]+|(?:\bBearer|(?<=authorization\W{1,6})Basic)\s+[^\s"\\,]+|(?<=:\/\/)[^\s/@"\\]+(?=@)/gi;
/** Shorter ones are no secrets, and would blank ordinary words. */
const SHORTEST_SECRET = 12;
const SECRET_NAME = /(PASSWORD|TOKEN|KEY|SECRET|OTLP(_TRACES)?_HEADERS)$/;

export const hideSecretText = (text: string): string => text.replace(SECRET_TEXT, HIDDEN);

/** The secrets an environment holds: values of settings that are named so, and passwords in URLs, as they stand there and decoded. */
export function secretValues(env: NodeJS.ProcessEnv): string[] {
  const found = Object.entries(env).flatMap(([name, value = '']) => {
    if (SECRET_NAME.test(name)) return [value.trim()];
    // A setting may name several nodes; a comma may also be part of the one password there is.
    const passwords = [value, ...brokerNodes(value)].map((url) => URL.parse(url)?.password ?? '');
    return [...passwords, ...passwords.map(decoded)];
  });
  return [...new Set(found)].filter((secret) => secret.length >= SHORTEST_SECRET);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

/** Blanks whole secrets, and what looks like one. */
export function secretHider(secrets: readonly string[]): (text: string) => string {
  return (text) => hideSecretText(secrets.reduce((hidden, secret) => hidden.replaceAll(secret, HIDDEN), text));
}
