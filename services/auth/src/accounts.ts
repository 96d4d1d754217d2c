import { UserRegistered } from '@evergreen/contracts/events/auth.ts';
import type { Role, User } from '@evergreen/contracts/http/auth.ts';
import { newEvent } from '@evergreen/service-kit/events.ts';
import { outboxRows } from '@evergreen/service-kit/outbox.ts';
import { invalidField, type Problem } from '@evergreen/service-kit/problem.ts';
import { v7 as uuidv7 } from 'uuid';
import { knownTimeZone, normalEmail, passwordFault } from './decisions/sign-up.ts';
import type { Account as AccountRow, PrismaClient } from './generated/client.ts';
import { Prisma } from './generated/client.ts';
import type { Passwords } from './passwords.ts';

export type Account = Omit<AccountRow, 'role'> & { role: Role };

/** What a person, or the command for operators, says of a new account. */
export interface SignUp {
  email: string;
  password: string;
  timeZone?: string;
  locale?: string;
}

/** A row read from the database; its check constraint allows these two roles alone. */
export const asAccount = (row: AccountRow): Account => row as Account;

/** What the API and the events tell of an account. */
export const userOf = ({ id, email, role, timeZone, locale }: Account): User => ({ id, email, role, timeZone, locale });

/**
 * Prepares a new account: checks what was said and hashes the password. Nothing is stored yet.
 * @throws Problem validation_failed, with the field
 */
export async function newAccount(
  passwords: Passwords,
  { email, password, timeZone = 'UTC', locale = 'en' }: SignUp,
  { role, now, address }: { role: Role; now: Date; address: string },
): Promise<Account> {
  const normal = normalEmail(email);
  const problem = passwordProblem('password', password, normal);
  if (problem) throw problem;
  const zone = timeZoneOf(timeZone);
  return {
    id: uuidv7(),
    email: normal,
    passwordHash: await passwords.hash(password, address),
    role,
    timeZone: zone,
    locale,
    version: 1,
    createdAt: now,
    updatedAt: now,
  };
}

/** What speaks against a password for the account with this email, as an answer that names the field. */
export function passwordProblem(field: string, password: string, email: string): Problem | undefined {
  const fault = passwordFault(password, email);
  return fault === undefined ? undefined : invalidField(`body.${field}`, fault);
}

/**
 * A time zone in its usual spelling.
 * @throws Problem validation_failed when there is no such zone
 */
export function timeZoneOf(name: string): string {
  const zone = knownTimeZone(name);
  if (!zone) throw invalidField('body.timeZone', 'must be an IANA time zone, such as Europe/Amsterdam');
  return zone;
}

/** What an event tells of an account as it is now. */
export function accountEvent(definition: typeof UserRegistered, account: Account, correlationId: string) {
  const { id, version, updatedAt } = account;
  const { id: _, ...facts } = userOf(account);
  return newEvent(definition, {
    subject: id,
    data: { userId: id, ...facts, version },
    time: updatedAt.toISOString(),
    correlationId,
  });
}

/** The two writes that are an account: its row, and the event that tells of it. They belong in one transaction. */
export function accountWrites(prisma: PrismaClient, account: Account, correlationId: string) {
  const event = accountEvent(UserRegistered, account, correlationId);
  return [prisma.account.create({ data: account }), prisma.outbox.createMany({ data: outboxRows([event]) })] as const;
}

/** Was this write refused because the email has an account? */
export const isEmailTaken = (error: unknown): boolean =>
  error instanceof Prisma.PrismaClientKnownRequestError &&
  error.code === 'P2002' &&
  error.meta?.modelName === 'Account';
