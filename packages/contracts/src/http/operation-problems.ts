import type { ProblemCode } from '../problems.ts';

/**
 * What single operations refuse beyond what follows from their shape: that they need a token, have a body, an id, an
 * Idempotency-Key. By operation id, for the API document. Tests hold every refusal they meet against that document.
 */
export const OPERATION_PROBLEMS: Readonly<Record<string, readonly ProblemCode[]>> = {
  postAuthRegister: ['email_taken', 'rate_limited'],
  postAuthLogin: ['invalid_credentials', 'rate_limited'],
  postAuthRefresh: ['invalid_refresh_token', 'forbidden', 'rate_limited'],
  postAuthLogout: ['forbidden'],
  putAuthPassword: ['invalid_credentials', 'rate_limited'],
  patchAuthMe: ['rate_limited'],
  postWalletTopUps: ['rate_limited'],
  postWalletPaymentMethods: ['unknown_payment_method', 'rate_limited'],
  putWalletAutoTopUp: ['unknown_payment_method', 'rate_limited'],
  postWalletsByUserIdAdjustments: ['insufficient_funds'],
  postWalletsByUserIdRefunds: ['refund_not_possible'],
  // Open to everyone, except to see what is not on sale.
  getPlans: ['unauthenticated', 'forbidden'],
  // A customer may not name another user.
  getEntitlements: ['forbidden'],
  postSubscriptions: ['not_found', 'plan_not_available', 'already_subscribed', 'rate_limited'],
  postSubscriptionsByIdCancel: ['invalid_transition', 'rate_limited'],
  postSubscriptionsByIdPause: ['invalid_transition', 'rate_limited'],
  postSubscriptionsByIdResume: ['invalid_transition', 'rate_limited'],
  postSubscriptionsByIdChangePlan: [
    'invalid_transition',
    'already_subscribed',
    'plan_change_not_possible',
    'plan_not_available',
    'rate_limited',
  ],
  getSubscriptionsByIdChangePlanPreview: [
    'invalid_transition',
    'already_subscribed',
    'plan_change_not_possible',
    'plan_not_available',
  ],
  postOperatorSubscriptionsByIdCancel: ['invalid_transition'],
  postOperatorSubscriptionsByIdExtend: ['invalid_transition'],
  postOperatorDeadLettersRedrive: ['not_found'],
  postClockAdvance: ['clock_not_simulated', 'clock_busy', 'settle_timeout'],
  postNotificationsReadAll: ['not_found'],
};
