import type { HttpApp } from '@evergreen/service-kit/http.ts';
import swaggerUi from '@fastify/swagger-ui';

/** The page's own files, the images in them, and requests to this origin. */
const DOCS_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/** The provider's API as a page, on which requests can be tried, at /docs. */
export async function docsPage(app: HttpApp): Promise<void> {
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: DOCS_POLICY,
    theme: { title: 'FakePaymentGateway API' },
    // The API key lives as long as the tab. There is no bar to load other documents: this page is for this API.
    uiConfig: { layout: 'BaseLayout', persistAuthorization: false, displayRequestDuration: true },
  });
}
