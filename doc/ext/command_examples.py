"""cliff's ``autoprogram-cliff``, with the examples of a command as lines that can be copied."""

from cliff.sphinxext import AutoprogramCliffDirective


class Commands(AutoprogramCliffDirective):
    """Documents commands; without this their examples would run together to one paragraph."""

    def _load_command(self, manager, command_name):
        found = super()._load_command(manager, command_name)
        error = self.error

        class Documented(found):
            def get_parser(self, prog_name):
                parser = super().get_parser(prog_name)
                heading, colon, examples = (parser.epilog or '').partition(':\n')
                if not heading.startswith('Example') or not colon:
                    raise error(f'"{prog_name} --help" ends with no examples.')
                # A literal block of reStructuredText.
                parser.epilog = f'{heading}::\n\n{examples}'
                return parser

        Documented.__doc__ = found.__doc__
        return Documented


def setup(app):
    app.add_directive('autoprogram-cliff', Commands, override=True)
    return {'parallel_read_safe': True}
