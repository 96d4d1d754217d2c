/** The operator console. */
export default {
  'overview.title': 'Overview',
} as const;
