// What the front door lets in and what it says, on one stack (../src/one-stack.ts): each part has tests of its own.
import './front-door/authorization.ts';
import './front-door/bad-input.ts';
import './front-door/client.ts';
import './front-door/tokens.ts';
