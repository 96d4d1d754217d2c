/** What docker-compose.yml has in place of every secret that .env does not name. */
export const KNOWN_SECRET = 'known-to-everybody';
