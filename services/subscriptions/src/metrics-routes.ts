import { Metrics, MetricsQuery } from '@evergreen/contracts/http/subscription-operations.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import { readMetrics } from './metrics.ts';
import type { RouteDeps } from './routes.ts';

export function metricsRoutes(app: HttpApp, deps: RouteDeps): void {
  app.get(
    '/v1/operator/metrics',
    {
      schema: {
        tags: ['operator'],
        security: [{ accessToken: [] }],
        summary: 'How the business does, over the billing clock',
        description:
          'In steps of UTC: days, weeks from Monday, or months. The first step contains `from`, and the last one `to`, or now where that ' +
          'is earlier.',
        querystring: MetricsQuery,
        response: { 200: Metrics, '4xx': ProblemBody },
      },
      onRequest: deps.access.requireOperator,
    },
    ({ query }) => readMetrics(deps, query),
  );
}
