import { GatewayHealth } from '@evergreen/contracts/http/wallet.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import type { AccessHooks } from '@evergreen/service-kit/auth.ts';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import type pg from 'pg';
import type { PaymentGateway } from './payment-gateway.ts';
import { countUnfinished } from './top-up-store.ts';

export interface GatewayHealthDeps {
  access: AccessHooks;
  pool: pg.Pool;
  payments: PaymentGateway;
  /** Names this process among the wallets. */
  replica: string;
}

export function gatewayHealthRoutes(app: HttpApp, { access, pool, payments, replica }: GatewayHealthDeps): void {
  app.get(
    '/v1/wallets/gateway-health',
    {
      schema: {
        tags: ['operator'],
        security: [{ accessToken: [] }],
        summary: 'How the payment gateway does, as the breaker of the answering replica sees it',
        response: { 200: GatewayHealth, '4xx': ProblemBody },
      },
      onRequest: access.requireOperator,
    },
    async () => ({ replica, ...payments.health(), unfinishedTopUps: await countUnfinished(pool) }),
  );
}
