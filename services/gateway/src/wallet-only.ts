import type { AccessHooks, requireKey } from '@evergreen/service-kit/auth.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isOutage } from './fault-setting.ts';
import { answerUnavailable } from './play-fault.ts';
import type { PaymentDeps } from './take-payment.ts';

export interface RouteDeps extends PaymentDeps {
  /** For people, by access token. */
  access: AccessHooks;
  /** For the wallet, by GATEWAY_API_KEY. */
  requireApiKey: ReturnType<typeof requireKey>;
}

/** The hooks of routes for the wallet's API key, which answer only while the provider is not said to be down. */
export function walletOnly({ pool, requireApiKey }: RouteDeps) {
  const refuseInOutage = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> =>
    (await isOutage(pool)) ? answerUnavailable(request, reply) : undefined;
  return [requireApiKey, refuseInOutage];
}
