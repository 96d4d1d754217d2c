import { UserRegistered } from '@evergreen/contracts/events/auth.ts';
import type { Role, User } from '@evergreen/contracts/http/auth.ts';
import { newEvent } from '@evergreen/service-kit/events.ts';
import { outboxRows } from '@evergreen/service-kit/outbox.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
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
  { role, now }: { role: Role; now: Date },
): Promise<Account> {
  const normal = normalEmail(email);
  const fault = passwordFault(password, normal);
  if (fault) throw fieldProblem('password', fault);
  const zone = knownTimeZone(timeZone);
  if (!zone) throw fieldProblem('timeZone', 'must be an IANA time zone, such as Europe/Amsterdam');
  return {
    id: uuidv7(),
    email: normal,
    passwordHash: await passwords.hash(password),
    role,
    timeZone: zone,
    locale,
    version: 1,
    createdAt: now,
    updatedAt: now,
  };
}

/** The two writes that are an account: its row, and the event that tells of it. They belong in one transaction. */
export function accountWrites(prisma: PrismaClient, account: Account, correlationId: string) {
  const { id, version, createdAt } = account;
  const { id: _, ...facts } = userOf(account);
  const event = newEvent(UserRegistered, {
    subject: id,
    data: { userId: id, ...facts, version },
    time: createdAt.toISOString(),
    correlationId,
  });
  return [prisma.account.create({ data: account }), prisma.outbox.createMany({ data: outboxRows([event]) })] as const;
}

/** Was this write refused because the email has an account? */
export const isEmailTaken = (error: unknown): boolean =>
  error instanceof Prisma.PrismaClientKnownRequestError &&
  error.code === 'P2002' &&
  error.meta?.modelName === 'Account';

const fieldProblem = (field: string, message: string): Problem =>
  new Problem('validation_failed', `body.${field} ${message}`, { errors: [{ field: `body.${field}`, message }] });
