// A FHIR R4 server for the tests. Validation, search, conditional create, patch and history are Medplum's code; ours is
// the HTTP around it: headers, paging links, token endpoint, and what goes wrong on request.
//
//   server.mjs --modules DIR --port N --cert FILE --key FILE --client ID --jwks FILE
//
// /fhir/R4 wants a token; /open is the same without one (the patients' side). /__fault, /__variant, /__log, /__posts and
// /__clear are the tests' levers.
import { createPublicKey, randomUUID, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { parseArgs } from 'node:util';

import { loadModules, makeValidator } from './validate.mjs';

const { values: arg } = parseArgs({ options: Object.fromEntries(
  ['modules', 'port', 'cert', 'key', 'client', 'jwks'].map((name) => [name, { type: 'string' }])) });
const loaded = await loadModules(arg.modules);
const validate = makeValidator(loaded);
const { FhirRouter, MemoryRepository } = loaded.router;
const router = new FhirRouter();
const repo = new MemoryRepository();
const origin = `https://localhost:${arg.port}`;
const FULL = ['read', 'create', 'update', 'patch', 'search-type'];
const SEARCH = ['_id', '_lastUpdated', 'identifier', 'patient', 'subject', 'sender', 'recipient', 'category', 'received',
  'sent', 'part-of', 'status'];
const VARIANTS = {
  reference: { can: FULL, search: SEARCH, conditional: true },
  sloppy: { can: FULL, search: SEARCH, conditional: false },
  html: { can: FULL, search: SEARCH, conditional: true },
  oracle: { can: ['read', 'create', 'patch', 'search-type'], search: ['_id', 'category', 'received', 'recipient'] },
  epic: { can: ['read', 'create', 'search-type'], search: ['_id', 'patient', 'subject', 'category', 'encounter'] },
};
let variant = 'reference', faults = [], log = [], posts = [], tokens = new Map(), jtis = new Set(), life = 300;

const outcome = (code, text) => ({ resourceType: 'OperationOutcome',
  issue: [{ severity: 'error', code, details: { text } }] });

function capabilities() {
  const v = VARIANTS[variant];
  const type = (name, codes, search) => ({ type: name, interaction: codes.map((code) => ({ code })),
    searchParam: search.map((p) => ({ name: p, type: p.startsWith('_last') ? 'date' : 'token' })) });
  return { resourceType: 'CapabilityStatement', status: 'active', kind: 'instance', fhirVersion: '4.0.1',
    date: '2026-01-01', format: ['json'], software: { name: `test ${variant}`, version: '4.5.2' }, rest: [{ mode: 'server',
      resource: [{ ...type('Communication', v.can, v.search), conditionalCreate: v.conditional === true },
        ...['Patient', 'Practitioner', 'PractitionerRole', 'CareTeam', 'RelatedPerson', 'Condition', 'Binary',
          'DocumentReference', 'Task'].map((t) => type(t, FULL, ['_id', 'identifier', 'patient']))] }] };
}

// RFC 7523 as SMART Backend Services wants it. null, or what is wrong with the assertion.
function refusesAssertion(form) {
  const [head, body, signature] = (form.get('client_assertion') ?? '').split('.');
  const part = (s) => JSON.parse(Buffer.from(s, 'base64url').toString());
  const now = Date.now() / 1000;
  try {
    const { alg, kid } = part(head), claims = part(body);
    const jwk = JSON.parse(readFileSync(arg.jwks)).keys.find((k) => k.kid === kid);
    const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' };
    if (!['RS384', 'ES384'].includes(alg) || jwk.alg !== alg) {
      return 'algorithm';
    }
    if (!verify('sha384', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url'))) {
      return 'signature';
    }
    if (claims.iss !== arg.client || claims.sub !== arg.client || claims.aud !== `${origin}/token`) {
      return 'issuer or audience';
    }
    if (!(claims.exp > now && claims.exp <= now + 300) || jtis.has(claims.jti) || !claims.jti) {
      return 'time or repeat';
    }
    jtis.add(claims.jti);
    return null;
  } catch (e) {
    return `unreadable (${e.message})`;
  }
}

function token(form) {
  const why = form.get('grant_type') === 'client_credentials' ? refusesAssertion(form) : 'grant';
  if (why) {
    return [400, { error: 'invalid_client', error_description: why }];
  }
  const access = randomUUID();
  tokens.set(access, Date.now() + life * 1000);
  return [200, { access_token: access, token_type: 'bearer', expires_in: life, scope: form.get('scope') }];
}

const toHtml = (r) => ({ ...r, status: 'completed', payload: r.payload?.map((p) => p.contentString ? { contentString:
  `<div><p>${p.contentString.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/\n/g, '<br>')}</p></div>` } : p) });

function narrows(url) {
  const has = (...names) => names.every((n) => url.searchParams.has(n));
  const ours = VARIANTS[variant].search;
  if (variant === 'oracle' && !has('_id') && !has('category', 'received', 'recipient')) {
    return false;
  }
  return [...url.searchParams.keys()].every((k) => ['_count', '_offset', '_sort'].includes(k) || ours.includes(k));
}

async function fhir(req, asked, target, body) {
  const cursor = target.match(/^\/_page\/([\w-]+)$/);
  const url = cursor ? new URL(Buffer.from(cursor[1], 'base64url').toString(), origin) : asked;
  const path = cursor ? url.pathname : target;
  const [type, id] = path.split('/').slice(1);
  const headers = { ...req.headers };
  if (path === '/metadata') {
    return [200, capabilities()];
  }
  if (type === 'Communication' && req.method === 'GET' && !id && !narrows(url)) {
    return [400, outcome('invalid', 'this search is not supported')];
  }
  if (!VARIANTS[variant].conditional) {
    delete headers['if-none-exist'];
  }
  if (req.method === 'POST' && type === 'Communication') {
    posts.push({ body, violations: validate(body) });
  }
  const query = {};
  url.searchParams.forEach((value, key) => (query[key] = key in query ? [query[key], value].flat() : value));
  const [how, resource] = await router.handleRequest({ method: req.method, url: path + url.search, pathname: '',
    params: {}, query, body, headers }, repo);
  const status = Number(how.issue?.[0]?.details?.coding?.[0]?.code) || { ok: 200, created: 201, 'not-found': 404,
    'not-modified': 304, 'precondition-failed': 412, 'multiple-matches': 412, gone: 410 }[how.id] || 400;
  if (resource?.resourceType === 'Bundle') {
    const offset = Number(query._offset ?? 0) + Number(query._count ?? 20);
    if (offset < resource.total) {      // as opaque as a link may be, and relative where the server is sloppy
      const more = new URL(url);
      more.searchParams.set('_offset', offset);
      const cursor = `_page/${Buffer.from(path + more.search).toString('base64url')}`;
      resource.link = [{ relation: 'next', url: variant === 'sloppy' ? `/fhir/R4/${cursor}` : `${origin}/fhir/R4/${cursor}` }];
    }
    if (variant === 'html') {
      resource.entry?.forEach((e) => (e.resource = toHtml(e.resource)));
    }
  }
  return [status, variant === 'html' && resource?.resourceType === 'Communication' ? toHtml(resource) : resource ?? how];
}

function send(res, status, body, more = {}) {
  const meta = body?.meta, plain = variant === 'sloppy';
  const headers = { 'content-type': typeof body === 'string' ? 'text/html' : 'application/fhir+json', ...more };
  if (meta?.versionId) {
    headers.etag = plain ? meta.versionId : `W/"${meta.versionId}"`;
    headers['last-modified'] = new Date(meta.lastUpdated).toUTCString();
    const at = `${body.resourceType}/${body.id}`;
    headers.location = plain ? at : `${origin}/fhir/R4/${at}/_history/${meta.versionId}`;
  }
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  res.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(text) });
  res.end(text);
}

function lever(path, body, res) {
  const act = {
    '/__fault': () => (faults = [body].flat()),
    '/__variant': () => (variant = body.name),
    '/__life': () => { life = body.seconds; tokens.clear(); },
    '/__clear': () => { repo.clear(); log = []; posts = []; faults = []; variant = 'reference'; },
    '/__log': () => log,
    '/__posts': () => posts,
  }[path];
  const said = act?.();
  send(res, act ? 200 : 404, typeof said === 'object' ? said : {});
}

function planned(method, path) {
  const fault = faults.find((f) => f.times !== 0 && method === (f.method ?? method) && path.includes(f.path ?? ''));
  if (fault?.times) {
    fault.times -= 1;
  }
  return fault;
}

async function handle(req, res) {
  const url = new URL(req.url, origin), chunks = [];
  for await (const chunk of req) {
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString();
  if (url.pathname.startsWith('/__')) {
    return lever(url.pathname, text ? JSON.parse(text) : null, res);
  }
  const open = url.pathname.startsWith('/open');
  const path = url.pathname.replace(/^\/(open|fhir\/R4)/, '');
  const entry = { method: req.method, path: path + url.search, auth: Boolean(req.headers.authorization) };
  const fault = open ? undefined : planned(req.method, path);
  const answer = async () => {
    if (path === '/.well-known/smart-configuration') {
      return [200, { token_endpoint: `${origin}/token`, capabilities: ['client-confidential-asymmetric'] }];
    }
    if (path === '/token') {
      return token(new URLSearchParams(text));
    }
    const until = tokens.get((req.headers.authorization ?? '').replace('Bearer ', ''));
    if (!open && path !== '/metadata' && !(until > Date.now())) {
      return [401, outcome('login', 'who are you')];
    }
    return fhir(req, url, path, text ? JSON.parse(text) : undefined);
  };
  let status, body;
  if (fault?.kind === 'status') {
    [status, body] = [fault.status, outcome(fault.status === 429 ? 'throttled' : 'transient', 'as planned')];
    send(res, status, body, fault.retry_after ? { 'retry-after': fault.retry_after } : {});
  } else if (fault?.kind === 'login-page') {
    send(res, status = 200, '<html><body>Please log in</body></html>');
  } else if (fault?.kind === 'redirect') {
    send(res, status = 302, {}, { location: fault.to });
  } else {
    [status, body] = await answer();
    if (fault?.kind === 'lost') {
      res.socket.destroy();               // committed, and nobody hears of it
    } else if (fault?.kind === 'truncate') {
      const half = JSON.stringify(body);
      res.writeHead(status, { 'content-type': 'application/fhir+json', 'content-length': half.length });
      res.write(half.slice(0, half.length / 2), () => res.socket.destroy());
    } else if (fault?.kind === 'foreign-next') {
      body.link = [{ relation: 'next', url: fault.to }];
      send(res, status, body);
    } else {
      send(res, status, body);
    }
  }
  log.push({ ...entry, status, fault: fault?.kind });
}

createServer({ cert: readFileSync(arg.cert), key: readFileSync(arg.key) }, (req, res) => {
  handle(req, res).catch((e) => send(res, 500, outcome('exception', String(e))));
}).listen(Number(arg.port), '127.0.0.1', () => console.log('event=ready'));
