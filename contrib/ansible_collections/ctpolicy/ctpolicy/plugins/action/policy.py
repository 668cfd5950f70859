# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the module; a change on trial is confirmed over a connection that begins
after it. The one that is open proves nothing: it may outlive a policy that lets
nobody in."""
from __future__ import absolute_import, division, print_function
__metaclass__ = type

import time

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

GRACE = 30      # seconds for a rollback that has begun, on a busy host
PAUSE = 1
ROLLED_BACK = 12


class ActionModule(ActionBase):
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp=None, task_vars=None):
        result = super(ActionModule, self).run(tmp, task_vars)
        result.update(self._execute_module(task_vars=task_vars))
        trial = result.get('trial')
        if not trial or result.get('failed'):
            return result
        answer = self._confirmed(trial['seconds'], task_vars)
        if answer.get('failed'):
            msg = answer.get('msg', 'the change could not be confirmed')
            if answer.get('rc') != ROLLED_BACK and not answer.get('kept'):
                msg += '; the host rolls it back when the trial is over'
            result.update(failed=True, changed=bool(answer.get('kept')),
                          msg=msg)
        return result

    def _confirmed(self, seconds, task_vars):
        """The module's answer over a new connection; while there is none, until
        the host must have rolled the change back."""
        end = time.time() + seconds + GRACE
        args = dict(self._task.args, state='confirmed')
        while True:
            try:
                self._connection.reset()
                answer = self._execute_module(module_args=args,
                                              task_vars=task_vars)
                if not answer.get('unreachable'):
                    return answer
                why = answer.get('msg', '')
            except AnsibleConnectionFailure as err:
                why = str(err)
            if time.time() > end:
                return dict(failed=True, msg='no new login was possible: %s' % why)
            time.sleep(PAUSE)
