import './front-door/authorization.ts';
import './front-door/bad-input.ts';
import './front-door/client.ts';
import './front-door/tokens.ts';
