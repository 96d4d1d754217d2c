import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

/** The running stack that `npm run dev` puts behind the page. */
const stackUrl = process.env.EVERGREEN_URL ?? 'http://localhost:8080';
/** Sockets are let in from the stack's own origin alone. */
const toStack = { target: stackUrl, changeOrigin: true, headers: { origin: stackUrl }, ws: true };

/** The two faces of the first page are asked for with the page, so that its text does not change under the reader's eyes. */
const preloadFonts: Plugin = {
  name: 'preload-fonts',
  transformIndexHtml: {
    order: 'post',
    handler: (_html, { bundle }) =>
      Object.keys(bundle ?? {})
        .filter((file) => /inter-latin-wght-normal-.*\.woff2$/.test(file))
        .map((file) => ({
          tag: 'link',
          attrs: { rel: 'preload', as: 'font', type: 'font/woff2', href: `/${file}`, crossorigin: true },
          injectTo: 'head',
        })),
  },
};

export default defineConfig({
  plugins: [react(), preloadFonts],
  // The edge puts a new one in its place in each answer.
  html: { cspNonce: '__CSP_NONCE__' },
  build: { target: 'es2023', assetsInlineLimit: 0, reportCompressedSize: false, manifest: true },
  server: {
    port: 5173,
    proxy: { '/v1': toStack, '/socket.io': toStack, '/docs': toStack, '/openapi.json': toStack },
  },
});
