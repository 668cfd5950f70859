#!/usr/bin/python
# SPDX-License-Identifier: GPL-2.0-or-later
# GNU General Public License v2.0 or any later version, v3.0 among them
from __future__ import absolute_import, division, print_function
__metaclass__ = type

DOCUMENTATION = r'''
module: policy
short_description: Take services out of Linux connection tracking
description:
  - Applies a policy of ctpolicy, which keeps services out of the connection
    table, through nftables or iptables.
  - A change is on trial until it has been confirmed over a new connection, which
    the action plugin of the same name makes. If no new login works, the host
    rolls back by itself, and the task fails.
  - The file of the policy is written when the change is confirmed, not before.
author:
  - the contributors to ctpolicy (@ctpolicy)
options:
  policy:
    description:
      - The policy, as text or as YAML. Required with O(state=present).
    type: raw
  path:
    description:
      - Where the policy is kept, and applied from at boot.
    type: path
    default: /etc/ctpolicy/policy.yaml
  state:
    description:
      - Whether the policy should be in force, or no rule of ctpolicy's; then the
        file at O(path) is removed as well.
      - V(confirmed) keeps a change that is on trial; the action plugin asks for
        it.
    type: str
    choices: [present, absent, confirmed]
    default: present
  confirm:
    description:
      - How long the host waits for the confirmation, such as V(60s) or V(5m).
        Empty means no trial.
    type: str
    default: 60s
  backend:
    description:
      - How rules are written. Where this is unset, the policy's own key decides.
    type: str
    choices: [auto, nftables, iptables]
  force:
    description:
      - Apply even where ctpolicy refuses because it may lock you out. With a trial
        it is still rolled back if it does.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Shows what would change; nothing is written.
  diff_mode:
    support: full
    description: The policy's file and the kernel's rules, before and after.
'''

EXAMPLES = r'''
- name: Web traffic leaves the connection table
  ctpolicy.ctpolicy.policy:
    policy:
      version: 1
      state_matching: allowed
      untracked:
        - {name: web, role: server, protocol: tcp, ports: [80, 443]}

- name: No rule of ctpolicy's stays
  ctpolicy.ctpolicy.policy:
    state: absent
'''

RETURN = r'''
result:
  description: What ctpolicy says came of it, such as V(changed) or V(refused).
  type: str
  returned: always
diagnostics:
  description: Its messages, each with id, level, message, file, line and help.
  type: list
  elements: dict
  returned: always
backend:
  description: The backend that was used.
  type: str
  returned: where one was
trial:
  description: The change on trial, with its id, seconds and deadline.
  type: dict
  returned: when a change is on trial
'''

import json
import os
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_bytes, to_text


def run(module, words, text=None):
    """The exit code and the answer, {} where there is none."""
    command = [module.get_bin_path('ctpolicy', True,
                                   ['/usr/local/sbin'])] + words + ['--json']
    if module.params['backend']:
        command += ['--backend', module.params['backend']]
    code, out, err = module.run_command(command, data=text, binary_data=True)
    try:
        answer = json.loads(out)
    except ValueError:
        answer = {'result': 'failed', 'diagnostics': []}
    answer['stderr'] = to_text(err).strip()
    return code, answer


def require(module, code, answer, what, **more):
    if code:
        errors = [d['message'] for d in answer.get('diagnostics', [])
                  if d.get('level') == 'error']
        module.fail_json(
            msg='%s: %s' % (what, '; '.join(errors) or answer['stderr'] or
                            'exit code %d' % code), rc=code,
            result=answer.get('result'),
            diagnostics=answer.get('diagnostics', []), **more)


def kept(path):
    try:
        with open(path, 'rb') as policy:
            return policy.read()
    except IOError:
        return None


def keep(module, text):
    """Write the file, and let the record name it: the rules are the same."""
    path = module.params['path']
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        os.makedirs(folder, 0o755)
    if kept(path) != text:
        handle, new = tempfile.mkstemp(dir=module.tmpdir)
        with os.fdopen(handle, 'wb') as out:
            out.write(text)
        os.chmod(new, 0o644)
        module.atomic_move(new, path)
    code, answer = run(module, ['apply', path] + (
        ['--force'] if module.params['force'] else []))
    require(module, code, answer, 'the policy is in force and its file is '
            'written, but the record does not name the file', kept=True)


def differences(path, before, after, answer):
    rules = ['%s %s\n' % ({'add': '+', 'delete': '-'}.get(s['action'], '~'),
                          s.get('rule') or ' '.join(to_text(
                              s[k]) for k in ('key', 'value') if s.get(k)))
             for s in answer.get('steps', [])]
    return [
        dict(before_header=path, after_header=path,
             before=to_text(before or b''), after=to_text(after or b'')),
        dict(prepared=''.join(rules)),
    ]


def answered(answer, **more):
    return dict(result=answer.get('result'), backend=answer.get('backend'),
                diagnostics=answer.get('diagnostics', []), **more)


def present(module, text):
    path, before = module.params['path'], kept(module.params['path'])
    words = ['apply', '-']
    if module.params['force']:
        words.append('--force')
    if module.check_mode:
        words.append('--dry-run')
    elif module.params['confirm']:
        words += ['--confirm', module.params['confirm']]
    code, answer = run(module, words, text)
    require(module, code, answer, 'not applied')
    changed = answer['result'] != 'unchanged'
    more = {}
    if changed and answer.get('confirm'):
        more['trial'] = answer['confirm']
    elif not module.check_mode:
        keep(module, text)
    module.exit_json(changed=changed or before != text,
                     diff=differences(path, before, text, answer),
                     **answered(answer, **more))


def confirmed(module, text):
    if module.check_mode:
        module.exit_json(changed=False, **answered({'result': 'unchanged'}))
    code, answer = run(module, ['confirm'])
    require(module, code, answer, 'not confirmed')
    keep(module, text)
    module.exit_json(changed=True, **answered(answer))


def absent(module):
    path, before = module.params['path'], kept(module.params['path'])
    code, answer = run(module, ['remove'] + (
        ['--dry-run'] if module.check_mode else []))
    require(module, code, answer, 'not removed')
    if before is not None and not module.check_mode:
        os.unlink(path)
    module.exit_json(changed=answer['result'] != 'unchanged' or
                     before is not None,
                     diff=differences(path, before, None, answer),
                     **answered(answer))


def main():
    module = AnsibleModule(
        argument_spec=dict(
            policy=dict(type='raw'),
            path=dict(type='path', default='/etc/ctpolicy/policy.yaml'),
            state=dict(type='str', default='present',
                       choices=['present', 'absent', 'confirmed']),
            confirm=dict(type='str', default='60s'),
            backend=dict(type='str', choices=['auto', 'nftables', 'iptables']),
            force=dict(type='bool', default=False)),
        required_if=[('state', 'present', ['policy']),
                     ('state', 'confirmed', ['policy'])],
        supports_check_mode=True)
    policy = module.params['policy']
    if policy is not None and not isinstance(policy, str):
        policy = json.dumps(policy, indent=1) + '\n'    # which YAML is
    if module.params['state'] == 'absent':
        absent(module)
    elif module.params['state'] == 'present':
        present(module, to_bytes(policy))
    else:
        confirmed(module, to_bytes(policy))


if __name__ == '__main__':
    main()
