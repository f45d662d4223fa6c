"""A group holds its completions packed; what was written before is carried over by the next one."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('rollouts', '0004_fewer_indexes'),
    ]

    operations = [
        migrations.CreateModel(
            name='Segment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(help_text='From 0.')),
                ('dictionary', models.BinaryField(help_text='The last texts before it, compressed.')),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='runs.run')),
            ],
            options={
                'ordering': ['number'],
                'constraints': [models.UniqueConstraint(fields=('run', 'number'), name='one_segment_a_number')],
            },
        ),
        migrations.AddField(
            model_name='group',
            name='segment',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='groups', to='rollouts.segment'),
        ),
        migrations.AddField(
            model_name='group',
            name='prompt_key',
            field=models.BigIntegerField(default=0, help_text='A hash of the prompt.'),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='group',
            name='size',
            field=models.PositiveIntegerField(default=0, help_text='Completions.'),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='group',
            name='texts',
            field=models.BinaryField(default=b'', help_text='The prompt and the completions.'),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='group',
            name='scores',
            field=models.BinaryField(default=b'', help_text="The completions' numbers, a list by name."),
            preserve_default=False,
        ),
    ]
