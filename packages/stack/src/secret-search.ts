import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Every secret that is generated here begins so, as do the passwords of tests: wherever one turns up that it should not, a search
 * finds it.
 */
export const SECRET_MARKER = 'evg-secret-';

/** What a secret looks like. Markers apart, these are forms that tokens and credentials have by nature. */
const FORMS: Record<string, RegExp> = {
  'a marked secret': new RegExp(`${SECRET_MARKER}[^\\s"'\\\\,;&]*`, 'g'),
  'an access token': /eyJ[\w-]{8,}\.eyJ[\w-]*(\.[\w-]*)?/g,
  'a credential of a header': /\b(Bearer|authorization\W{1,6}Basic)\s+[\w.~+/=-]{8,}/gi,
  'a password in a URL': /:\/\/[^\s/:@"]*:[^\s/@"[]+@/g,
  'a private key': /-----BEGIN [A-Z ]*PRIVATE KEY-----|"d":"[\w-]{40,}"/g,
  // Refresh tokens: 256 random bits in base64url.
  'a random token': /(?<![\w+/=.-])(?=[\w-]*[A-Z])(?=[\w-]*[a-z])(?=[\w-]*\d)[\w-]{43}(?![\w+/=.-])/g,
};

export interface FoundSecret {
  file: string;
  /** From 1. */
  line: number;
  what: string;
  /** The line, with all that looks like a secret blanked. */
  text: string;
}

/** Searches all log files in a folder and below it. */
export function findSecretsInLogs(folder: string): FoundSecret[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return isOfServer(entry.name) ? [] : findSecretsInLogs(path);
    // A log that has grown too long was moved to <name>.log.1.
    return /\.log(\.\d+)?$/.test(entry.name) ? findSecrets(path, readFileSync(path, 'utf8')) : [];
  });
}

/** Data of servers, which may be large and is no log. */
const isOfServer = (name: string): boolean => name === 'postgres' || name === 'rabbitmq';

/** Searches a text as the content of `file`. */
export function findSecrets(file: string, content: string): FoundSecret[] {
  return content.split('\n').flatMap((text, index) =>
    Object.entries(FORMS)
      .filter(([, form]) => text.search(form) >= 0)
      .map(([what]) => ({ file, line: index + 1, what, text: blanked(text) })),
  );
}

const blanked = (text: string): string =>
  Object.values(FORMS)
    .reduce((hidden, form) => hidden.replace(form, '[hidden]'), text)
    .slice(0, 500);
