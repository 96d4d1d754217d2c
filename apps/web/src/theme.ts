import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core';

const green: MantineColorsTuple = [
  '#eef8f2',
  '#d9efe2',
  '#b2dec5',
  '#83c9a3',
  '#55b081',
  '#2f9562',
  '#1b7a4b',
  '#166540',
  '#125034',
  '#0e3e29',
];

/** Neutral with a breath of green, from text to the darkest ground. */
const dark: MantineColorsTuple = [
  '#e4e9e6',
  '#c2cac5',
  '#9aa59e',
  '#717c75',
  '#343d38',
  '#29312c',
  '#1f2622',
  '#111613',
  '#0d110f',
  '#090c0a',
];

const gray: MantineColorsTuple = [
  '#f6f8f6',
  '#eef1ef',
  '#e3e8e4',
  '#d3dad5',
  '#b9c2bc',
  '#8f9a93',
  '#5d6962',
  '#454f49',
  '#2e3631',
  '#18201b',
];

export const theme = createTheme({
  primaryColor: 'green',
  primaryShade: 6,
  colors: { green, dark, gray },
  black: '#18201b',
  fontFamily: 'Inter, system-ui, sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, monospace',
  headings: { fontFamily: 'Inter, system-ui, sans-serif', fontWeight: '640' },
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Card: { defaultProps: { withBorder: true, padding: 'lg', radius: 'lg' } },
    Modal: { defaultProps: { radius: 'lg', centered: true } },
    Skeleton: { defaultProps: { radius: 'md' } },
  },
});

/** Buttons that are only text, and those on a light ground. */
const ACCENT = { '--mantine-color-green-light-color': 'var(--eg-accent-text)' };

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-body': '#f8faf8',
    '--mantine-color-dimmed': '#56625b',
    '--mantine-color-placeholder': '#66716b',
    '--mantine-color-error': '#b3261e',
    ...ACCENT,
  },
  dark: { '--mantine-color-error': '#ff9b93', ...ACCENT },
});

/** What the Content-Security-Policy lets style elements in by; the server puts it into the page. */
export const styleNonce = (): string =>
  document.querySelector<HTMLMetaElement>('meta[property=csp-nonce]')?.nonce ?? '';
