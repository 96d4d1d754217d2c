import type { TSchema } from 'typebox';
import { Currency, Money } from '../money.ts';
import { Period } from '../primitives.ts';
import { ProblemBody } from '../problems.ts';
import * as auth from './auth.ts';
import * as deadLetters from './dead-letters.ts';
import * as gateway from './gateway.ts';
import * as notifications from './notifications.ts';
import * as operations from './subscription-operations.ts';
import * as subscriptions from './subscriptions.ts';
import * as wallet from './wallet.ts';

/** What becomes parameters in the API document, and so has no name of its own there. */
const IS_PARAMETERS = /(Query|Params|Headers)$/;

/** Objects and lists of values are what people look for by name. */
const deservesName = ([name, schema]: [string, TSchema]): boolean =>
  !IS_PARAMETERS.test(name) && ('enum' in schema || 'properties' in schema);

/** The schemas that have a name in the API document and in the client made from it, by that name. */
export const NAMED_SCHEMAS: ReadonlyMap<string, TSchema> = new Map(
  Object.entries<TSchema>({
    ProblemBody,
    Money,
    Currency,
    Period,
    ...auth,
    ...deadLetters,
    ...notifications,
    ...operations,
    ...subscriptions,
    ...wallet,
    // Last, so that what it shares with the public schemas has their name.
    ...gateway,
  }).filter(deservesName),
);
