import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { evergreenDirectory } from '@evergreen/stack/paths.ts';
import { expect, test } from '@jest/globals';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

const executablePath = process.env.TEST_CHROMIUM;
/** A test in a browser; skipped where there is none, which `npm test` says at its end. */
export const browserTest = executablePath ? test : test.skip;
/**
 * Whether all pages are looked at in all their ways. A browser without a graphics card takes all cores for that, so the whole suite
 * looks at fewer unless EVERGREEN_BROWSER=whole.
 */
export const LOOKS_AT_ALL = process.env.EVERGREEN_BROWSER === 'whole';
/** A test that is there only then. */
export const wholeTest = LOOKS_AT_ALL ? browserTest : () => undefined;

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const WAIT_MS = 30_000;
const screenshots = join(evergreenDirectory, 'screenshots');
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Undefined where there is none, and all tests that would use it are skipped. */
export async function openBrowser(): Promise<Browser | undefined> {
  return executablePath ? chromium.launch({ executablePath, args: FLAGS }) : undefined;
}

/** Ends it, with a picture of each page that a failed test left open. */
export async function closeBrowser(browser: Browser | undefined): Promise<void> {
  for (const [index, page] of (browser?.contexts() ?? []).flatMap((context) => context.pages()).entries()) {
    await keepScreenshot(page, `left-open-${index + 1}`);
    console.error(`left open: ${page.url()}`, complaintsOf.get(page.context()));
  }
  await browser?.close();
}

const complaintsOf = new WeakMap<BrowserContext, string[]>();

export interface Visit {
  context: BrowserContext;
  page: Page;
  /** Another tab of the same browser. */
  newTab(): Promise<Page>;
  /** Fails when a page has thrown, or written a warning or an error to the console. */
  expectNoComplaints(): void;
  close(): Promise<void>;
}

export interface VisitOptions {
  baseUrl: string;
  colorScheme?: 'light' | 'dark';
  width?: number;
  locale?: string;
  /** What pages may write to the console, as when a test lets a request be refused. */
  allowed?: RegExp;
}

/** Somebody's browser, without cookies. */
export async function visit(browser: Browser | undefined, options: VisitOptions): Promise<Visit> {
  if (!browser) throw new Error('there is no browser');
  const { baseUrl: baseURL, colorScheme = 'light', width = 1280, locale = 'en', allowed } = options;
  const viewport = { width, height: width < 600 ? 844 : 800 };
  const context = await browser.newContext({
    baseURL,
    colorScheme,
    viewport,
    locale,
    timezoneId: 'Europe/Amsterdam',
    // What is looked at half faded in would have other colours.
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(WAIT_MS);
  const complaints: string[] = [];
  complaintsOf.set(context, complaints);
  context.on('weberror', (error) => complaints.push(`thrown: ${error.error().message}`));
  context.on('console', (message) => {
    const text = `${message.type()}: ${message.text()} (${message.location().url})`;
    if (['warning', 'error'].includes(message.type()) && !allowed?.test(text)) complaints.push(text);
  });
  return {
    context,
    page: await context.newPage(),
    newTab: () => context.newPage(),
    expectNoComplaints: () => expect(complaints).toEqual([]),
    close: () => context.close(),
  };
}

/** What axe-core finds on a page that keeps people out: serious and critical, by WCAG 2.2 AA. */
export async function seriousBarriers(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  const found = (await page.evaluate(
    `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
      .then(({ violations }) => violations.map(({ id, impact, nodes }) => ({ id, impact, html: nodes.map((node) => node.html + ' ' + node.failureSummary).slice(0, 3) })))`,
  )) as { id: string; impact: string; html: string[] }[];
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, html }) => `${id}: ${html.join(' | ').slice(0, 900)}`);
}

/** Keeps a picture of the page in `.evergreen/screenshots`, for people to look at. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  mkdirSync(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true, animations: 'disabled' });
}
