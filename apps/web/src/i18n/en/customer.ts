/** What customers see. */
export default {
  'home.title': 'Home',
} as const;
