import { type Static, Type } from 'typebox';
import { Nullable } from './primitives.ts';

/**
 * Every error code the API can answer with: the stable `code` of an RFC 9457 problem, its HTTP status and its title.
 * Clients switch on the code; the title and detail are for people.
 */
export const PROBLEMS = {
  validation_failed: { status: 400, title: 'The request is not valid' },
  malformed_request: { status: 400, title: 'The request cannot be read' },
  idempotency_key_missing: { status: 400, title: 'The Idempotency-Key header is missing' },
  unauthenticated: { status: 401, title: 'A valid access token is needed' },
  invalid_credentials: { status: 401, title: 'Email or password is wrong' },
  invalid_refresh_token: { status: 401, title: 'The session is over' },
  forbidden: { status: 403, title: 'This role may not do that' },
  not_found: { status: 404, title: 'There is nothing here' },
  email_taken: { status: 409, title: 'This email has an account already' },
  idempotency_key_in_use: { status: 409, title: 'A request with this Idempotency-Key is still running' },
  invalid_transition: { status: 409, title: 'The subscription cannot make this move now' },
  plan_not_available: { status: 409, title: 'This plan is not sold any more' },
  plan_change_not_possible: { status: 409, title: 'The subscription cannot change to this plan' },
  already_subscribed: { status: 409, title: 'There is a subscription to this plan already' },
  insufficient_funds: { status: 409, title: 'The balance does not cover it' },
  refund_not_possible: { status: 409, title: 'So much of this charge cannot be given back' },
  clock_not_simulated: { status: 409, title: 'The billing clock runs on real time here' },
  clock_busy: { status: 409, title: 'The billing clock is already being moved' },
  payload_too_large: { status: 413, title: 'The request is too large' },
  unsupported_media_type: { status: 415, title: 'This content type is not accepted' },
  idempotency_key_reused: { status: 422, title: 'This Idempotency-Key was used for another request' },
  unknown_payment_method: { status: 422, title: 'There is no such payment method' },
  rate_limited: { status: 429, title: 'Too many requests' },
  internal_error: { status: 500, title: 'Something went wrong on our side' },
  service_unavailable: { status: 503, title: 'This part of the service is not available right now' },
  settle_timeout: { status: 504, title: 'The work did not settle in time' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

/** The body of every error answer, media type `application/problem+json` (RFC 9457). */
export const ProblemBody = Type.Object(
  {
    type: Type.String({ description: 'urn:evergreen:problem:<code>' }),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.Enum(Object.keys(PROBLEMS) as ProblemCode[]),
    detail: Type.Optional(Type.String()),
    instance: Type.Optional(Type.String({ description: 'The path that was asked for' })),
    requestId: Type.Optional(Type.String()),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          field: Type.String({ description: 'Where it is: body.amount, query.limit, headers.idempotency-key' }),
          message: Type.String(),
        }),
      ),
    ),
    allowed: Type.Optional(Nullable(Type.Array(Type.String(), { description: 'What is possible instead' }))),
  },
  { description: 'RFC 9457 problem' },
);
export type ProblemBody = Static<typeof ProblemBody>;
