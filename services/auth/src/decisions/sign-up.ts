import { COMMON_PASSWORDS } from './common-passwords.ts';

/** The one spelling of an address that is stored and looked up. */
export const normalEmail = (email: string): string => email.trim().toLowerCase();

/** Keyboards differ in how they write é; the same password is the same bytes on each (NIST SP 800-63B 5.1.1.2). */
export const spelled = (password: string): string => password.normalize('NFKC');

/**
 * Why a password must not be used, or undefined when it may (ASVS 2.1.7: refuse the most common ones; no rules of
 * composition). What is only put after a common one, digits or signs, makes it no better; nor does our own name.
 */
export function passwordFault(password: string, email: string): string | undefined {
  const plain = spelled(password).toLowerCase();
  const cores = [plain, plain.replace(/[^\p{L}\p{N}]+$/u, ''), plain.replace(/\P{L}+$/u, '')];
  if (cores.some((core) => COMMON_PASSWORDS.has(core))) return 'is one of the most common passwords';
  if (plain.replace(/\P{L}/gu, '') === 'evergreen') return 'must not be the name of this service';
  if (plain === email || plain === email.split('@', 1)[0]) return 'must not be your email address';
  return undefined;
}

/**
 * The IANA time zone that is meant, in its usual spelling, or undefined when there is none. Offsets such as +02:00
 * know no daylight saving time, so a renewal would slip by an hour twice a year; they are refused.
 */
export function knownTimeZone(name: string): string | undefined {
  if (!/^[A-Za-z]/.test(name)) return undefined;
  try {
    return new Temporal.ZonedDateTime(0n, name).timeZoneId;
  } catch {
    return undefined;
  }
}
