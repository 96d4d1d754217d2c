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

/** The API document as a page, on which requests can be tried, at /docs. */
export async function docsPage(app: HttpApp): Promise<void> {
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: DOCS_POLICY,
    theme: { title: 'Evergreen API' },
    // The token lives as long as the tab, as local storage is no place for it (ASVS 8.2.2). There is no bar to load
    // other documents: this page is for this API.
    uiConfig: { layout: 'BaseLayout', persistAuthorization: false, displayRequestDuration: true },
    uiHooks: {
      // The page looks for its document beside itself, where there would be the edge's own; the whole one is elsewhere.
      onRequest: (request, reply, done) => {
        const url = request.routeOptions.url ?? '';
        if (url === '/docs/json' || url === '/docs/yaml') reply.redirect('/openapi.json');
        else done();
      },
    },
  });
}
