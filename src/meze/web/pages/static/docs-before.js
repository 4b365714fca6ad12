// Runs before Scalar. Its validation library would try to compile code at run time; the page's policy forbids that, and
// a refused try is reported as a violation, so it is told not to try.
"use strict";
globalThis.__zod_globalConfig = { jitless: true };
